"""What `/metrics` shows: counts that requests leave behind, surveys made when somebody asks, and the page.

Requests pay for increments only. Whatever has to be looked for (partitions, groups, lag) is looked at in slices while a
page is made; every kind of series has a limit, and what is left out is counted. Nothing here changes the broker.
"""
