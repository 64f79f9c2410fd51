"""Names of the lake's bucket and of the account that holds it."""

ACCESS_KEY = "lumbung"
BUCKET = "lumbung-lake"
REGION = "us-east-1"
