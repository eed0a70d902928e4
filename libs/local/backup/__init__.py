"""Backups of an installation and their restoration (docs/decisions/0026-backup.md).

backing_up.py   one snapshot of every service's schema → a file
restoring.py    such a file → an empty installation, brought up to date
carrying_over.py  both, where the embedded PostgreSQL has become one of a newer major version
manifest.py     what a file is of, and whether it can be restored here; pure
archive.py      the file: written whole or not at all, read with its checksum
contents.py     what lies in the database: tables, migrations, keys
dumping.py      pg_dump and pg_restore
keys.py         the keys, which are never in the file
failures.py     why it is not done
"""
