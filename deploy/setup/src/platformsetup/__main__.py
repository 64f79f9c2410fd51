"""`python -m platformsetup databases|bucket|realm`."""

from platformsetup.cli import main

raise SystemExit(main())
