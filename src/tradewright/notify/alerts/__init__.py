"""Price alerts: what a person waits for a price to do, judged with the page closed. None of them places an order."""
