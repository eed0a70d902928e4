"""What mkdocs calls at each build. Everything that can be decided without it stands in the modules beside."""

from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from docs.handbook.generated import GENERATED, ROOT, index_of, pages_of
from docs.handbook.github_markdown import adapted, slug
from docs.handbook.links import for_the_site
from docs.handbook.navigation import expanded

# By their path on the site: what is no page and lies elsewhere.
FILES = {
    "icon.svg": ROOT / "services/gateway/pages/static/icon.svg",
    "handbook.css": ROOT / "docs/handbook/handbook.css",
}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Folders in the navigation become their pages, and headings get the anchors that they have on GitHub."""
    config.nav = expanded(config.nav or [], pages_of)
    config.mdx_configs.setdefault("toc", {})["slugify"] = slug
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add what is made at each build, the product's icon and the style."""
    for path, content in GENERATED.items():
        files.append(File.generated(config, path, content=content()))
    for path, source in FILES.items():
        files.append(File.generated(config, path, abs_src_path=str(source)))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: Any) -> str:
    """A page of docs/ as the site wants it; the links of one that was made are right already."""
    path = page.file.src_uri
    text = markdown if path in GENERATED else for_the_site(markdown, f"docs/{path}", path, index_of)
    return adapted(text)
