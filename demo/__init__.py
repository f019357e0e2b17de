"""The demonstration: real Glance, alone and with the filters."""
