"""WebSockets: public, private and trade streams, their topics, and who gets what when."""
