"""Write the fixture of the newest version of every record that has none yet; run once for a new version.

python tests/schema/make_fixtures.py
"""

from test_records import EXPECTED, FIXTURES, TYPES

for kind, value in EXPECTED.items():
    path = FIXTURES / f"v{TYPES[kind].version}" / f"{kind}.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(TYPES[kind].dump(value))
        print("wrote", path)
