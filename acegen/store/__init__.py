"""What acegen keeps on disk, and what there is its own: documents, archives, modules, folders that replace others."""
