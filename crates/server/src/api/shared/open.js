// Opening is a form's doing: whatever merely looks at the address (a chat's preview, a scanner) opens nothing.
document.forms[0].submit();
