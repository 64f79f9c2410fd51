"""Between protos and the catalog's own words."""
