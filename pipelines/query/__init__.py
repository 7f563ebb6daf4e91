"""Provider queries: from a gap to a query that follows the practice brief, judged before anyone sees it."""
