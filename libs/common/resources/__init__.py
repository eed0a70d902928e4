"""Google's resources as we use them: frozen shapes, and how each is read out of JSON. Pure, so that domains can work with them."""
