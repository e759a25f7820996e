"""How the work of a request grows with what is in it and with what is stored: nothing may be superlinear."""
