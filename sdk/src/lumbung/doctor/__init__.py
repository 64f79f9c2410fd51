"""What is wrong with an installation, as findings: each says what, where, and what to do, in both languages.

Looks from outside, as a user's machine sees the platform; on a laptop also at the local stack's servers, and with
kubectl at a release in a cluster. It only reads, but for the self-test of the lake's bucket.
"""
