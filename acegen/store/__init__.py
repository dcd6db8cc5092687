"""What acegen keeps on disk, and how it knows its own: documents, archives, modules, folders that replace others."""
