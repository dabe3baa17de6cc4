"""Alembic's entry: runs on the connection that `runner` hands over, one transaction per revision."""

from alembic import context
from sqlalchemy import Connection

from fulfil.models.migrations.schema import declared_tables


def run() -> None:
    """Upgrade, or compare when a revision is being drafted."""
    connection = context.config.attributes.get("connection")
    if not isinstance(connection, Connection):
        raise TypeError("migrations run through fulfil.models.migrations.runner, which brings the connection")
    context.configure(
        connection=connection,
        target_metadata=declared_tables(),
        transaction_per_migration=True,
        compare_type=True,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
