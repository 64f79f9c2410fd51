"""`python -m platformsetup databases|bucket|realm|check|backup|restore`."""

from platformsetup.cli import main

raise SystemExit(main())
