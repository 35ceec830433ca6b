// Sets the saved theme and language on <html> before the first paint; `src/shell/preferences.ts` keeps them afterwards.
(function () {
  try {
    var saved = JSON.parse(localStorage.getItem("tradewright.preferences") || "{}");
    if (saved.theme === "dark" || saved.theme === "light") document.documentElement.dataset.theme = saved.theme;
    if (saved.language === "ru" || saved.language === "en") document.documentElement.lang = saved.language;
  } catch (unreadable) {
    // A broken entry is as good as none: the page follows the system.
  }
})();
