"""What the catalog knows, free of transport and storage."""
