"""What a report draws: charts as Vega-Lite, one file each."""
