"""What the panel of plans says, in the languages of translations.py."""

ROWS: tuple[tuple[str, ...], ...] = (
    (
        "Plan",
        "Plan",
        "Plan",
    ),
    (
        "Change the Plan",
        "Den Plan ändern",
        "Modifier le plan",
    ),
    (
        "These changes are proposed",
        "Diese Änderungen sind vorgeschlagen",
        "Ces modifications sont proposées",
    ),
    (
        "Nothing would change.",
        "Nichts würde sich ändern.",
        "Rien ne changerait.",
    ),
    (
        "Apply",
        "Anwenden",
        "Appliquer",
    ),
    (
        "Discard",
        "Verwerfen",
        "Rejeter",
    ),
    (
        "Apply Changes",
        "Änderungen anwenden",
        "Appliquer les modifications",
    ),
    (
        "Discard Changes",
        "Änderungen verwerfen",
        "Rejeter les modifications",
    ),
    (
        "{number} more",
        "{number} weitere",
        "{number} de plus",
    ),
    (
        "Edit as Text",
        "Als Text bearbeiten",
        "Modifier en texte",
    ),
    (
        "Run",
        "Ausführen",
        "Exécuter",
    ),
    (
        "Bake",
        "Simulieren",
        "Simuler",
    ),
    (
        "Set Up Scene",
        "Szene einrichten",
        "Préparer la scène",
    ),
    (
        "Replace Last Run",
        "Letzte Ausführung ersetzen",
        "Remplacer la dernière exécution",
    ),
    (
        "Film",
        "Film",
        "Film",
    ),
    (
        "Look",
        "Aussehen",
        "Aspect",
    ),
    (
        "Look, as in: a charcoal drawing",
        "Aussehen, etwa: eine Kohlezeichnung",
        "Aspect, par ex. : un dessin au fusain",
    ),
    (
        "Stylise",
        "Stilisieren",
        "Styliser",
    ),
    (
        "Control Frames",
        "Steuerbilder",
        "Images de contrôle",
    ),
    (
        "This text is no plan that can be read",
        "Dieser Text ist kein lesbarer Plan",
        "Ce texte n'est pas un plan lisible",
    ),
    (
        "{asked} + {answered} tokens",
        "{asked} + {answered} Token",
        "{asked} + {answered} jetons",
    ),
    (
        "You did not want these changes. Place takes the changed plan after all.",
        "Diese Änderungen wurden verworfen. Platzieren übernimmt den geänderten Plan doch noch.",
        "Ces modifications ont été rejetées. Placer prend quand même le plan modifié.",
    ),
    (
        "{number} control frames are written",
        "{number} Steuerbilder sind geschrieben",
        "{number} images de contrôle sont écrites",
    ),
    (
        "Nothing is said yet.",
        "Es ist noch nichts gesagt.",
        "Rien n'est encore dit.",
    ),
    (
        "Write in the Prompt what to make.",
        "Schreiben Sie in den Prompt, was entstehen soll.",
        "Écrivez dans le prompt ce qu'il faut créer.",
    ),
)
