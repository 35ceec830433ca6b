"""Write the next migration from the difference between the newest one and the tables in the code.

Read what it wrote before committing it: a rename looks like a loss and a gain.

Usage: .venv/bin/python scripts/new_migration.py "what the step is for"
It starts an embedded PostgreSQL in a temporary HOME and needs no other server.
"""

from __future__ import annotations

import importlib
import re
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from tradewright.storage.embedded import EmbeddedPostgres
from tradewright.storage.engine import driver_url
from tradewright.storage.migrate import configuration, upgrade
from tradewright.storage.schema import metadata


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    source = Path(__file__).parent.parent / "src" / "tradewright"
    for tables in sorted(source.rglob("tables.py")):  # some rooms have rooms of their own
        importlib.import_module(".".join(("tradewright", *tables.relative_to(source).with_suffix("").parts)))
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder) / "home", root_base=Path(folder) / "base", say=print)
        Path(folder).chmod(0o755)  # ours: as root the server's user must get in
        url = server.start()
        try:
            number = (
                max(int(each.revision) for each in ScriptDirectory.from_config(configuration()).walk_revisions()) + 1
            )
            if number > 1:
                upgrade(url)
            engine = create_engine(driver_url(url))
            with engine.connect() as connection:
                written = command.revision(
                    configuration(connection, metadata), message=sys.argv[1], autogenerate=True, rev_id=f"{number:04d}"
                )
            engine.dispose()
        finally:
            server.stop()
    assert written is not None
    assert not isinstance(written, list)
    print(re.sub(r"^.*/src/", "src/", written.path))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
