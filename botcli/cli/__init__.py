"""The command line: one small module a command group, imported when it is called."""

from importlib.metadata import version

from cyclopts import App, Parameter

app = App(
    name="botcli",
    help="A Telegram bot and tools on botcore, the data layer of bots on PostgreSQL.",
    version=version("botcore"),
    default_parameter=Parameter(negative="", show_default=False),
)
# said here too: for its own help the program would import every command, and with them aiogram
app.command("botcli.cli.chat:chat", help="Talk with the bot in the terminal.")
app.command("botcli.cli.tail:tail", help="Print messages as they are stored, by whichever process.")
app.command("botcli.cli.run:run", help="Answer on Telegram.")
app.command("botcli.cli.doctor:doctor", help="Tell whether all that the bot needs is there and fits, and what to do.")
app.command(
    "botcli.cli.stats:stats", help="Show how a bot is used: messages, people, answer times, busy chats, tokens."
)
app.command("botcli.cli.dashboard:dashboard", help="Show how a bot is used on a page of this machine, as it goes on.")
app.command("botcli.cli.webhook:app", name="webhook", help="Where Telegram posts updates: set, delete, info.")
app.command("botcli.cli.exporting:export", help="Write conversations as a file, or all that is kept about a person.")
app.command("botcli.cli.privacy:erase", help="Remove a person for good, across chats and bots.")
app.command(
    "botcli.cli.importing:import_",
    name="import",
    help="Store a file's conversations: Telegram Desktop's, or ours.",
)
app.command("botcli.cli.ledger:app", name="ledger", help="The receipts of erasures, to save and to replay on a backup.")
app.command("botcli.cli.purge:purge", help="Remove old messages for good, and hidden chats and people without any.")
app.command(
    "botcli.cli.updates:app", name="updates", help="What Telegram delivered and is not done: look, try again, give up."
)
app.command("botcli.cli.backup:backup", help="Write the whole database to a file, and read it back.")
app.command("botcli.cli.backup:restore", help="Fill an empty database from a backup, and compare.")
app.command("botcli.cli.db:app", name="db", help="The schema's migrations, psql, and the embedded server.")
app.command("botcli.cli.sql:app", name="sql", help="The queries of sql/: read, paste, run and explain them.")
