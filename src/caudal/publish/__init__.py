"""Release to pages and files. Reads what carries a verdict; has no path to records."""

from caudal.publish.files import write_files
from caudal.publish.site import build_site

__all__ = ["build_site", "write_files"]
