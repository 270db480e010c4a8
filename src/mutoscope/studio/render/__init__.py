"""Render: the page with the queue. A run's picture and its dialogs are those of the gallery."""
