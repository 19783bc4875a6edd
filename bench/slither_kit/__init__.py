"""What bench/slither is made of: the packages it installs, what it reads, what has been explained."""
