"""The files that ``bench new`` writes, as ``string.Template``: ``KIND.FILE.tmpl``."""
