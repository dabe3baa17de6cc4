"""SQLAlchemy tables, one module per capability."""
