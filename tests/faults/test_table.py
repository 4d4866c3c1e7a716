"""The page that tells of the faults."""

from tests.faults.table import PAGE, promises


def test_page_has_every_fault_and_promise() -> None:
    """Each marked test is a row of docs/reliability.md; `python -m tests.faults` writes them."""
    page = PAGE.read_text()

    missing = [name for name, row in promises().items() if f"| {' | '.join(row)} |" not in page]

    assert missing == []
