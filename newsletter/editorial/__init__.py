"""What do we say, and is it fit to print? Issue files, rendering, checks and weekly slots."""
