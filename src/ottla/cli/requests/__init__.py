"""What the commands ask a cluster: requests in, plain values out.

These are an ordinary client's requests and know nothing of a broker's inside, of click, or of what is printed.
"""
