"""What can be wrong with labelled rows: one function per problem, one file per family; `all_checks.CHECKS` lists them."""
