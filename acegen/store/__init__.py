"""What acegen keeps on disk, and what belongs to it there: documents, archives, modules, folders that replace others."""
