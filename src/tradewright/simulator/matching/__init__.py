"""What happens to orders: commands and their refusals, the meeting with the market, stops, the end of orders.

Lives here: everything between a command and the events it comes to. Not here: what events add up to (`accounts`).
"""
