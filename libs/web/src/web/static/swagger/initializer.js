// Starts Swagger UI on our own /openapi.json. A file, not an inline script: the page's policy allows no inline code.
window.addEventListener("load", () => {
  window.SwaggerUIBundle({
    url: document.body.dataset.openapi,
    dom_id: "#swagger",
    validatorUrl: null,
    deepLinking: true,
    persistAuthorization: false,
    tryItOutEnabled: true,
  });
});
