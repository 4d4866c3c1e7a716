"""Programs to begin with, for a service of your own: see docs/service.md."""
