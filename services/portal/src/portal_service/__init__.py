"""Portal: the browser's page of the platform."""
