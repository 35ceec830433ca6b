"""What a person is told, and where: the notification centre, channels outside of the page, price alerts.

Facts are taken from rows that others committed (`facts`, `looks`) and written once for each person (`writing`). One API
process does it, the one that holds the advisory lock (`leading`). Nothing here places, changes or cancels an order.
"""
