"""What each panel of the dashboards in deploy/ gives of a product under load. `make dashboards`.

`load.py` is what happens meanwhile, `numbers.py` what the queries give, `report.py` the table of it.
"""
