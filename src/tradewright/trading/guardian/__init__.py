"""The guardian: no position stays without the stop that it was asked to have."""
