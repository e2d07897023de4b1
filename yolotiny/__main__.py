"""`python -m yolotiny` is the command `yolotiny`."""

from .cli import main

raise SystemExit(main())
