"""What the operating system does for us: processes, their use of the machine, interrupts, host."""
