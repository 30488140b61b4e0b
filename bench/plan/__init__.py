"""What is to be measured: profile -> cells -> shuffled rounds of leases of trials."""
