"""What browsers are served: the web client's page, the JavaScript library, and the playground."""
