"""Several workers beside each other: who is alive, whose leases are taken back, whether this database may send."""
