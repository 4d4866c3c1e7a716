"""botcli: a Telegram bot and a command line on botcore."""
