"""Services of the plugin, in the layout that Prowler expects."""
