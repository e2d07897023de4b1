"""`python -m yolotiny` is the command `yolotiny`."""

from .cli.main import main

raise SystemExit(main())
