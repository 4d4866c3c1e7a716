"""The command line: one small module a command group, imported when it is called."""

from importlib.metadata import version

from cyclopts import App

app = App(
    name="botcli",
    help="A Telegram bot and tools on botcore, the data layer of bots on PostgreSQL.",
    version=version("botcore"),
)
app.command("botcli.cli.chat:chat")
app.command("botcli.cli.run:run")
app.command("botcli.cli.db:app", name="db")
app.command("botcli.cli.sql:app", name="sql")
