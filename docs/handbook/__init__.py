"""The handbook: the pages of docs/ as one site, `make handbook` (docs/decisions/0029-handbook.md).

hooks.py            what mkdocs calls: it adds the pages below, and reads every page as GitHub would
handbook.css        the little that the theme has otherwise
github_markdown.py  pages are written for GitHub; what mkdocs' parser wants otherwise
links.py            links that leave docs/, as links of the site
navigation.py       mkdocs.yml: a folder stands for the pages in it
generated.py        which pages are made at each build, and of what
json_schema.py      a JSON Schema as a table
openapi_pages.py    the reference of the HTTP API, out of docs/openapi.json
asyncapi_pages.py   the reference of the bus, out of docs/asyncapi.json
command_pages.py    the reference of the `pingcrm` command, out of its own help
"""
