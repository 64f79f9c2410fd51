"""`python -m platformsetup databases|bucket|realm|backup|restore`."""

from platformsetup.cli import main

raise SystemExit(main())
