"""What every room stands on: the SQL session, named-CTE pipelines, checked expressions, specs with line
numbers, files that appear whole or not at all, the content-hash cache."""
