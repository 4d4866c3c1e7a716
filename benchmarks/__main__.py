"""`python -m benchmarks COMMAND`: on DATABASE_URL, or on an embedded server that goes afterwards."""

from cyclopts import App, Parameter

app = App(
    name="python -m benchmarks",
    help="Measures side by side; what counts is the ratios of one run.",
    default_parameter=Parameter(negative=""),
    version_flags=(),
)
# a command's module is imported when it is called
app.command("benchmarks.compare:compare", help="botcore beside its peers: record, history, turn.")
app.command("benchmarks.picture:picture", help="Draw what `compare --json` wrote.")
app.command("benchmarks.delivery:delivery", help="What the delivery adds to a turn.")
app.command("benchmarks.growth:growth", help="What grows with the table: latency, sizes, the cost of writing.")
app.command("benchmarks.bulk:bulk", help="Many messages at once, beside a plain COPY.")

if __name__ == "__main__":
    app()
